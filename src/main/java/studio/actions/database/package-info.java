/** The common ground of all SQL: the address, start and health of the database, batches and notifications. */
package studio.actions.database;
