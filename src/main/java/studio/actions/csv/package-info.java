/** Tables as spreadsheets and Kitsu write them, and the guard against formulas. */
package studio.actions.csv;
