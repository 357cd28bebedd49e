/** The events of a run, streamed to its watchers. */
package studio.actions.stream;
