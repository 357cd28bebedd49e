/** The sending of deliveries: queue, fair choice, claims, retries, outcomes, and recovery after a crash. */
package studio.actions.delivery;
