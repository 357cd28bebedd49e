/** The ids on each log line, and text from outside made safe to show. */
package studio.actions.log;
