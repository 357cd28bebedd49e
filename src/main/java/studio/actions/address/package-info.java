/** The addresses that requests may be sent to, and the metrics and log lines about refused addresses. */
package studio.actions.address;
