/** The process: its entry points, settings, health checks and wiring, and the paths that belong to no feature. */
package studio.actions.start;
