/** What a press would send: its selection as Kitsu knows it, and one delivery for each task, entity or production. */
package studio.actions.plan;
