/** The URL template of an action, its variables, and the trigger link: the URL that Kitsu shows and calls in its place. */
package studio.actions.template;
