/** Hashes, for all other packages. */
package studio.actions.hash;
