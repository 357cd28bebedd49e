/** Style and headers of the small pages that the service answers to a browser's tab. */
package studio.actions.html;
