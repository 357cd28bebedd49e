/** Export and import of actions as CSV, and the creation of actions that a take-over finds in Kitsu. */
package studio.actions.transfer;
