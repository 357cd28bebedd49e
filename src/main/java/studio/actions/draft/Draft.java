package studio.actions.draft;

import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

import studio.actions.identity.Role;
import studio.actions.template.TriggerLink;

/** The request body with which an admin creates or changes an action. A field that is missing or null gets its default. */
@JsonIgnoreProperties({ "id", "type", "version", "created_at", "updated_at", "created_by", "updated_by" })
public record Draft(
        String name,
        String url,
        EntityType entityType,
        Boolean isAjax,
        String description,
        Boolean enabled,
        Method method,
        Map<String, String> headers,
        Integer timeoutMs,
        Integer maxAttempts,
        Integer ratePerMinute,
        String signingSecret,
        List<Role> roles,
        List<UUID> projectIds) {

    /** Creates a draft with the four fields that Kitsu knows; the other fields are null. */
    public static Draft of(String name, String url, EntityType entityType, Boolean isAjax) {
        return new Draft(name, url, entityType, isAjax, null, null, null, null, null, null, null, null, null, null);
    }

    /** Returns this draft with other values in the four fields that Kitsu edits. */
    public Draft withKitsuFields(String newName, String newUrl, EntityType newType, Boolean newAjax) {
        return new Draft(newName, newUrl, newType, newAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withDescription(String newDescription) {
        return new Draft(name, url, entityType, isAjax, newDescription, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withEnabled(Boolean newEnabled) {
        return new Draft(name, url, entityType, isAjax, description, newEnabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withMethod(Method newMethod) {
        return new Draft(name, url, entityType, isAjax, description, enabled, newMethod, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withHeaders(Map<String, String> newHeaders) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, newHeaders, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withTimeoutMs(Integer newTimeoutMs) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, newTimeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withMaxAttempts(Integer newMaxAttempts) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, newMaxAttempts,
                ratePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withRatePerMinute(Integer newRatePerMinute) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                newRatePerMinute, signingSecret, roles, projectIds);
    }

    public Draft withSigningSecret(String newSigningSecret) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, newSigningSecret, roles, projectIds);
    }

    public Draft withRoles(List<Role> newRoles) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, newRoles, projectIds);
    }

    public Draft withProjectIds(List<UUID> newProjectIds) {
        return new Draft(name, url, entityType, isAjax, description, enabled, method, headers, timeoutMs, maxAttempts,
                ratePerMinute, signingSecret, roles, newProjectIds);
    }

    /**
     * Returns this draft with its defaults, with trimmed text, and without a trigger link in front of its URL. Does not check
     * any value.
     */
    Draft settled(int defaultTimeoutMs) {
        return new Draft(name == null ? null : Normalizer.normalize(name.strip(), Normalizer.Form.NFC),
                url == null ? null : TriggerLink.unlink(url.strip()),
                entityType == null ? EntityType.all : entityType,
                isAjax != null && isAjax,
                description == null || description.isBlank() ? null : description,
                enabled == null || enabled,
                method == null ? Method.POST : method,
                headers == null ? Map.of() : new LinkedHashMap<>(headers),
                timeoutMs == null ? Integer.valueOf(defaultTimeoutMs) : timeoutMs,
                maxAttempts == null ? Integer.valueOf(1) : maxAttempts,
                ratePerMinute == null ? Integer.valueOf(600) : ratePerMinute,
                signingSecret,
                roles == null ? List.of() : roles.stream().distinct().sorted().toList(),
                projectIds == null ? List.of() : projectIds.stream().distinct().sorted().toList());
    }
}
