/** CSV export and import of actions, and the take-over of actions from Kitsu. */
package studio.actions.transfer;
