package studio.actions.testing;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

import org.jboss.logmanager.ExtLogRecord;

/** The lines that one category logs while this object is open. */
public final class Log extends Handler implements AutoCloseable {

    /** @param about the MDC values of the line, by name */
    public record Line(String level, String text, Map<String, String> about) {
    }

    private final Logger category;
    private final List<Line> lines = new CopyOnWriteArrayList<>();

    public Log(String category) {
        this.category = Logger.getLogger(category);
        this.category.addHandler(this);
    }

    public List<Line> lines() {
        return List.copyOf(lines);
    }

    @Override
    public void publish(LogRecord line) {
        ExtLogRecord whole = (ExtLogRecord) line;
        lines.add(new Line(whole.getLevel().getName(), whole.getFormattedMessage(), whole.getMdcCopy()));
    }

    @Override
    public void flush() {
    }

    @Override
    public void close() {
        category.removeHandler(this);
    }
}
