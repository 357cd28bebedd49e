/** Settings that several packages share, and the annotations of settings. */
package studio.actions.settings;
