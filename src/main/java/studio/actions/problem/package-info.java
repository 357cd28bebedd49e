/** Refusals and their problem documents, and the strict reading of JSON. */
package studio.actions.problem;
