package studio.actions.problem;

import java.util.List;
import java.util.stream.Collectors;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;

import studio.actions.problem.Problem.Code;
import studio.actions.problem.Problem.Fault;

/** Converts failures to read a JSON body into problems that say where the JSON is wrong and what is expected there. */
public final class BrokenJson {

    private BrokenJson() {
    }

    /** Returns {@code invalid_body} if a field has a wrong value or name, else {@code invalid_json}. */
    public static ProblemException refusal(JsonProcessingException broken) {
        String where = broken.getLocation() == null ? ""
                : " (line " + broken.getLocation().getLineNr() + ", column " + broken.getLocation().getColumnNr() + ")";
        if (broken instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()
                && !(broken.getCause() instanceof JsonParseException)) {
            Fault fault = fault(mapping);
            return ProblemException.invalid(List.of(fault));
        }
        String detail = broken instanceof MismatchedInputException ? "The body is not the expected JSON"
                : broken instanceof StreamConstraintsException ? "The JSON is nested too deeply, or a number in it is too long"
                        : duplicate(broken) ? "The JSON has a duplicate key" : "The body is not valid JSON";
        String hint = broken instanceof JsonParseException && !duplicate(broken)
                ? " Is there a comma too many, or a quote missing?"
                : "";
        return new ProblemException(Code.INVALID_JSON, detail + where + "." + hint);
    }

    private static Fault fault(JsonMappingException mapping) {
        String pointer = mapping.getPath().stream()
                .map(step -> "/" + (step.getFieldName() == null ? step.getIndex()
                        : step.getFieldName().replace("~", "~0").replace("/", "~1")))
                .collect(Collectors.joining());
        if (mapping instanceof UnrecognizedPropertyException unknown) {
            return new Fault(pointer, "unknown_field", "Unknown field '" + unknown.getPropertyName() + "'. Known fields: "
                    + unknown.getKnownPropertyIds().stream().map(String::valueOf).sorted().collect(Collectors.joining(", "))
                    + ".");
        }
        if (mapping.getCause() instanceof StrictJson.BadText bad) {
            return new Fault(pointer, "invalid_text", bad.getMessage());
        }
        Class<?> type = mapping instanceof MismatchedInputException mismatch ? mismatch.getTargetType()
                : mapping.getCause() instanceof InputCoercionException coercion ? coercion.getTargetType() : null;
        return new Fault(pointer, mapping instanceof InvalidFormatException ? "invalid_value" : "wrong_type",
                "'" + name(mapping.getPath()) + "' must be " + StrictJson.describe(type) + ".");
    }

    /** Returns the name of the last field in a path, followed by the index of a list's element, if any. */
    private static String name(List<JsonMappingException.Reference> path) {
        String name = "";
        for (JsonMappingException.Reference step : path) {
            name = step.getFieldName() == null ? name + "[" + step.getIndex() + "]" : step.getFieldName();
        }
        return name;
    }

    private static boolean duplicate(JsonProcessingException broken) {
        return String.valueOf(broken.getOriginalMessage()).startsWith("Duplicate field");
    }
}
