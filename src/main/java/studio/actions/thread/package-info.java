/** Daemon threads and interruptible sleeps, for all other packages. */
package studio.actions.thread;
