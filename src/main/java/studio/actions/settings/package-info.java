/** The settings that several packages share, and how each setting states its unit and bounds. */
package studio.actions.settings;
