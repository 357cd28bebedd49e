package studio.actions.transfer;

import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * The report of an import: the changes that it would make, or has made. With errors nothing is changed, unless the caller
 * asked to skip invalid actions.
 */
public record ImportReport(int created, int updated, int unchanged, List<Change> changes, List<Wrong> errors) {

    /** Whether to apply an import, or only to report its changes. */
    public enum Mode {
        check,
        apply
    }

    /** The kind of a change; spelled as in the API's JSON. */
    public enum Kind {
        created,
        updated,
        /** This service deleted the action in Kitsu. No import deletes an action in this service. */
        deleted
    }

    public record Change(int line, Kind kind,
            String action,
            UUID id,
            List<String> fields,
            Map<String, Object> from,
            Map<String, Object> to) {
    }

    /**
     * An error of an import.
     *
     * @param action the name of an action that comes from Kitsu; null for a line of a CSV file, which the caller finds by its
     *        number
     * @param id the id of an action that comes from Kitsu; null for a line of a CSV file
     */
    public record Wrong(int line,
            String column,
            String message,
            @JsonInclude(JsonInclude.Include.NON_NULL) String action,
            @JsonInclude(JsonInclude.Include.NON_NULL) UUID id) {

        public Wrong(int line, String column, String message) {
            this(line, column, message, null, null);
        }
    }
}