/** The rate limits of deliveries and presses, which all replicas share. */
package studio.actions.limit;
