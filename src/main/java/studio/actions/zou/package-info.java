/** Kitsu's API server, asked as the caller: who the caller is, and which targets the caller may see. */
package studio.actions.zou;
