/** Runs and their deliveries in the database: who may read and cancel them, and how long they are kept. */
package studio.actions.run;
