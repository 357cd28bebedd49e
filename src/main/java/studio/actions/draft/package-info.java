/** What an admin saves as an action: its fields, their defaults, and the rules for them. */
package studio.actions.draft;
