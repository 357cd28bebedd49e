/** Access to the database for all stores: its address, start and health, batches of statements, and notifications. */
package studio.actions.database;
