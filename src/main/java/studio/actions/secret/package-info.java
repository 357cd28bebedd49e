/** The studio's secrets, which actions name and the environment holds. */
package studio.actions.secret;
