/** Kitsu's own paths and payloads: its list of actions, its user context, its presses, and the take-over of its actions. */
package studio.actions.kitsu;
