/** What an action is, who sees it, who changes it, and its history. */
package studio.actions.action;
