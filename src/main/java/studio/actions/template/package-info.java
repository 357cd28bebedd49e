/** The URL template of an action, its variables, and the trigger link that Kitsu shows. */
package studio.actions.template;
