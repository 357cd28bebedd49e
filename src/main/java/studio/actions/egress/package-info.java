/** The only way out to receivers: sends one request and reports its outcome. */
package studio.actions.egress;
