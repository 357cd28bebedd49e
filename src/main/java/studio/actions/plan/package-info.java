/** What a press would send: the selection, looked up in Kitsu, and one delivery for each task, entity or production. */
package studio.actions.plan;
