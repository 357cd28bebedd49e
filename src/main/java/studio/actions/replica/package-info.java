/** The running processes of this service on one database: their heartbeats, and which of them are dead. */
package studio.actions.replica;
