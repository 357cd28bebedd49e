/** Requests to Kitsu's API server with the caller's own credential: who the caller is, and which targets the caller may see. */
package studio.actions.zou;
