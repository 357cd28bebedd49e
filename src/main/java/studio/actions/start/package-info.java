/** The start of the service: its settings, health checks, messages to the operator and beans. */
package studio.actions.start;
