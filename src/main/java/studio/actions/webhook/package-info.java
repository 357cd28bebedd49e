/** The requests to receivers (Standard Webhooks): headers, secrets, signature and trace context. */
package studio.actions.webhook;
