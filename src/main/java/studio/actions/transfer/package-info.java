/** Actions that come and go: CSV export and import, and the take-over from Kitsu. */
package studio.actions.transfer;
