/** The only sender of requests to receivers: sends one request and reports its outcome. */
package studio.actions.egress;
