/** The start of the service: its settings, checks, messages and wiring. */
package studio.actions.start;
