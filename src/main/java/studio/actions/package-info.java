@OpenAPIDefinition(info = @Info(title = "Kitsu Actions", version = "0.1.0", description = """
        Custom actions beside Kitsu: buttons that open a tool, launch a desktop program or trigger a pipeline step for the
        shots and assets a person has selected. Press **Authorize** and paste the token that the service printed at its start,
        or, beside Kitsu, one of Kitsu's; every example can be sent as it stands."""), tags = {
        @Tag(name = "Actions", description = "What the buttons are."),
        @Tag(name = "Runs", description = "Previewing, pressing, and what came of it."),
        @Tag(name = "Audit", description = "Who did what."),
        @Tag(name = "Kitsu", description = "What Kitsu's own pages use, and moving in beside them.") },
        security = @SecurityRequirement(name = "token"),
        components = @Components(
                responses = {
                        @APIResponse(name = "Problem",
                                description = "Refused, or not possible: the problem says why and what to do.",
                                content = @Content(mediaType = "application/problem+json",
                                        schema = @Schema(implementation = Problem.class))),
                        @APIResponse(name = "QuotaExceeded",
                                description = "A limit of presses is reached; 'violated-policies' says which. After "
                                        + "'Retry-After', the same press is taken.",
                                headers = {
                                        @Header(name = "Retry-After", description = "Seconds.",
                                                schema = @Schema(type = SchemaType.INTEGER), required = true),
                                        @Header(name = "RateLimit-Policy",
                                                description = "What is allowed: q presses in w seconds; of an action, q deliveries that wait.",
                                                schema = @Schema(type = SchemaType.STRING), required = true),
                                        @Header(name = "RateLimit",
                                                description = "r presses are left, and all of them in t seconds.",
                                                schema = @Schema(type = SchemaType.STRING), required = true) },
                                content = @Content(mediaType = "application/problem+json",
                                        schema = @Schema(implementation = Problem.class))) },
                securitySchemes = @SecurityScheme(securitySchemeName = "token", type = SecuritySchemeType.HTTP,
                        scheme = "bearer",
                        description = "A token of Kitsu's, of a person or a bot. Without Kitsu: the token in the log of the "
                                + "service's start, or CUSTOM_ACTIONS_LOCAL_TOKEN.")))
package studio.actions;

import org.eclipse.microprofile.openapi.annotations.Components;
import org.eclipse.microprofile.openapi.annotations.OpenAPIDefinition;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.enums.SecuritySchemeType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.info.Info;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirement;
import org.eclipse.microprofile.openapi.annotations.security.SecurityScheme;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

import studio.actions.problem.Problem;
