/** Counts of presses, runs and deliveries: statistics for people, metrics for operators. */
package studio.actions.statistics;
