@OpenAPIDefinition(
        info = @Info(title = "Kitsu Actions", version = "0.1.0",
                contact = @Contact(name = "The studio's pipeline team, who run this service"),
                license = @License(name = "Apache License 2.0", identifier = "Apache-2.0"),
                description = """
                        Custom actions beside Kitsu: buttons that open a tool, launch a desktop program or trigger a pipeline step
                        for the shots and assets a person has selected. Press **Authorize** and paste the token that the service
                        printed at its start, or, beside Kitsu, one of Kitsu's; then the examples can be sent as they are, once
                        an id is one of your own.

                        **What you may rely on.** Within a major version, nothing you use is removed, renamed or given another
                        type; fields, parameters, operations, headers and webhooks are only added. Before 1.0, a minor version
                        (0.2) may break; its notes say where.

                        - **Ignore what you do not know**: new fields, headers and webhooks. Take a new value of an enum for
                          unknown, not for an error, and a new status for its class: 4xx for 400, 5xx for 500.
                        - **Send only what is documented.** An unknown field of a body is refused. PUT resets what you leave
                          out, fields newer than your client included; PATCH leaves them as they are.
                        - **Refusals**: build on the status and `code`, which keep their meaning; new codes may join. Titles,
                          details and messages are for people, and change.
                        - **Limits** on what you send are only loosened, so what you read may be longer than it is today.
                          Quotas are the studio's.
                        - **Order**: a list is ordered as its operation says; the fields of an object are not ordered.
                        - **Ids** are UUIDs and are never given twice. **ETags and cursors are opaque**: hand them back as they
                          came.
                        - **Times** are UTC, in RFC 3339; fractions of a second may be there or not.
                        - **Deprecation**: `deprecated: true` here and the release notes announce it, at least one minor version
                          and six months before the major version that removes it.
                        - **`/api/data/**`** follows Zou, for Kitsu's own pages: it changes when Kitsu does. Build on
                          `/api/custom-actions`."""),
        servers = @Server(url = "/", description = "This service, or Kitsu's own address in front of it."),
        tags = {
                @Tag(name = "Actions", description = "What the buttons are."),
                @Tag(name = "Runs", description = "Previewing, pressing, and what came of it."),
                @Tag(name = "Audit", description = "Who did what."),
                @Tag(name = "Kitsu", description = "What Kitsu's own pages use, and moving in beside them.") },
        security = { @SecurityRequirement(name = "token"), @SecurityRequirement(name = "cookie") },
        webhooks = @PathItem(name = "delivery",
                operations = @PathItemOperation(method = "post", operationId = "receiveDelivery",
                        tags = @Tag(name = "Runs"),
                        summary = "What a receiver is sent",
                        description = "One request per task, entity or production, to the action's URL as its template is filled, "
                                + "with the action's method and headers beside these. With GET there is no body. It is signed as "
                                + "Standard Webhooks says. The same 'webhook-id' may come again, after an attempt whose answer was "
                                + "lost, with 'max_attempts' and with a replay: do it once.",
                        parameters = {
                                @Parameter(name = "webhook-id", in = ParameterIn.HEADER, required = true,
                                        description = "Of this delivery; the same over all attempts and replays.",
                                        example = "msg_0d5b1c1e4a574f439f5e4c4b2b6f0f11",
                                        schema = @Schema(type = SchemaType.STRING, pattern = "^msg_[0-9a-f]{32}$")),
                                @Parameter(name = "webhook-timestamp", in = ParameterIn.HEADER, required = true,
                                        description = "Of this attempt, in seconds since 1970.", example = "1795700000",
                                        schema = @Schema(type = SchemaType.STRING, pattern = "^[0-9]+$")),
                                @Parameter(name = "webhook-signature", in = ParameterIn.HEADER,
                                        description = "'v1,' and the base64 of the HMAC-SHA256; two with a space between them while "
                                                + "a secret is being changed. Left out where no secret is set.",
                                        example = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                                        schema = @Schema(type = SchemaType.STRING,
                                                pattern = "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)?$")),
                                @Parameter(name = "Idempotency-Key", in = ParameterIn.HEADER, required = true,
                                        description = "As 'webhook-id'.",
                                        schema = @Schema(type = SchemaType.STRING, pattern = "^msg_[0-9a-f]{32}$")),
                                @Parameter(name = "traceparent", in = ParameterIn.HEADER, required = true,
                                        description = "The trace that this press belongs to (W3C Trace Context).",
                                        schema = @Schema(type = SchemaType.STRING,
                                                pattern = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")),
                                @Parameter(name = "User-Agent", in = ParameterIn.HEADER, required = true,
                                        description = "'kitsu-actions/' and the version, unless the action has a header of this name.",
                                        example = "kitsu-actions/0.1.0", schema = @Schema(type = SchemaType.STRING)),
                                @Parameter(name = "Accept-Encoding", in = ParameterIn.HEADER, required = true,
                                        description = "No answer is unpacked.",
                                        schema = @Schema(type = SchemaType.STRING, enumeration = "identity")) },
                        requestBody = @RequestBody(required = true,
                                description = "JSON, whatever an own Content-Type of the action's calls it.",
                                content = @Content(
                                        mediaType = "application/json", schema = @Schema(implementation = RunJson.Body.class))),
                        responses = {
                                @APIResponse(responseCode = "2XX",
                                        description = "Delivered. The beginning of the answer is kept "
                                                + "with the run."),
                                @APIResponse(responseCode = "3XX", description = "Failed: redirects are not followed."),
                                @APIResponse(responseCode = "4XX",
                                        description = "Failed. 408, 425 and 429 are tried again, as far "
                                                + "as 'max_attempts' goes, after 'Retry-After'."),
                                @APIResponse(responseCode = "5XX",
                                        description = "Failed, and tried again as far as 'max_attempts' "
                                                + "goes.") })),
        components = @Components(
                securitySchemes = { @SecurityScheme(securitySchemeName = "token", type = SecuritySchemeType.HTTP,
                        scheme = "bearer",
                        description = "A token of Kitsu's, of a person or a bot. Without Kitsu: the token in the log of the "
                                + "service's start, or CUSTOM_ACTIONS_LOCAL_TOKEN."),
                        @SecurityScheme(securitySchemeName = "cookie", type = SecuritySchemeType.APIKEY,
                                in = SecuritySchemeIn.COOKIE, apiKeyName = "access_token_cookie",
                                description = "Kitsu's own session, in the browser; what changes something must come from its "
                                        + "own site (cross_site).") }))
package studio.actions;

import org.eclipse.microprofile.openapi.annotations.Components;
import org.eclipse.microprofile.openapi.annotations.OpenAPIDefinition;
import org.eclipse.microprofile.openapi.annotations.PathItem;
import org.eclipse.microprofile.openapi.annotations.PathItemOperation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.enums.SecuritySchemeIn;
import org.eclipse.microprofile.openapi.annotations.enums.SecuritySchemeType;
import org.eclipse.microprofile.openapi.annotations.info.Contact;
import org.eclipse.microprofile.openapi.annotations.info.Info;
import org.eclipse.microprofile.openapi.annotations.info.License;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirement;
import org.eclipse.microprofile.openapi.annotations.security.SecurityScheme;
import org.eclipse.microprofile.openapi.annotations.servers.Server;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

import studio.actions.run.RunJson;
