package studio.actions.egress;

import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.Duration;

import javax.net.ssl.SSLException;

import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import io.vertx.core.http.HttpClosedException;
import studio.actions.log.Causes;

/** The reason of a failed connection as a failure kind and a sentence, derived from an exception of Java, Netty or Vert.x. */
record Cause(FailureKind kind, String message) {

    /** @param host the receiver's host with its port */
    static Cause of(Throwable thrown, String host, Duration connectTimeout) {
        if (has(thrown, ConnectTimeoutException.class)) {
            return new Cause(FailureKind.connect_timeout, host + " did not accept the connection within "
                    + seconds(connectTimeout) + ".");
        }
        if (has(thrown, ConnectException.class)) {
            return new Cause(FailureKind.connect_refused, host + " refused the connection: nothing listens there.");
        }
        if (isUnreachable(thrown)) {
            return new Cause(FailureKind.connect_refused, host + " cannot be reached from here: there is no route to it.");
        }
        if (has(thrown, SSLException.class) || has(thrown, CertificateException.class)) {
            return new Cause(FailureKind.tls, "No trusted TLS connection to " + host + ": " + untrusted(thrown, host));
        }
        if (has(thrown, TooLongFrameException.class)) {
            return new Cause(FailureKind.too_large, "The headers of the answer are over " + Connector.MAX_HEADERS + " bytes.");
        }
        if (has(thrown, HttpClosedException.class) || has(thrown, ClosedChannelException.class)
                || has(thrown, PrematureChannelClosureException.class) || has(thrown, IOException.class)) {
            return new Cause(FailureKind.connection_lost, host + " closed the connection before its answer was complete.");
        }
        return new Cause(FailureKind.protocol, host + " did not answer in valid HTTP.");
    }

    /** Returns true if only the tried address failed: no HTTP request was sent, and another address of the host may work. */
    static boolean isOfAddress(Throwable thrown) {
        return has(thrown, ConnectException.class) || isUnreachable(thrown) || has(thrown, ConnectTimeoutException.class)
                || has(thrown, SslHandshakeTimeoutException.class);
    }

    /** Returns true if this machine could not start to connect, for instance to an IPv6 address without having IPv6. */
    private static boolean isUnreachable(Throwable thrown) {
        return Causes.of(thrown).anyMatch(cause -> cause instanceof NoRouteToHostException || cause instanceof BindException
                || cause instanceof SocketException && String.valueOf(cause.getMessage()).contains("unreachable"));
    }

    private static String untrusted(Throwable thrown, String host) {
        if (has(thrown, NotSslRecordException.class)) {
            return "it does not speak TLS on that port.";
        }
        if (has(thrown, SslHandshakeTimeoutException.class)) {
            return "it did not finish the handshake.";
        }
        if (has(thrown, CertificateExpiredException.class) || has(thrown, CertificateNotYetValidException.class)) {
            return "its certificate has expired, or is not valid yet.";
        }
        if (has(thrown, CertPathBuilderException.class)) {
            return "its certificate is from an authority that is not trusted here. If it is the studio's own, name its PEM "
                    + "file in CUSTOM_ACTIONS_TRUST.";
        }
        if (has(thrown, CertificateException.class)) {
            return host.indexOf('_') >= 0 ? "no certificate can be for a name with an underscore."
                    : "its certificate is for another name.";
        }
        return isAlert(thrown, "certificate") ? "it asks for a client certificate, and the service has none."
                : isAlert(thrown, "handshake_failure")
                        ? "no common TLS version or cipher, or it asks for a client certificate, and the service "
                                + "has none."
                        : "no common TLS version or cipher.";
    }

    /** Returns true if the receiver sent a fatal TLS alert whose name contains {@code name} (RFC 8446, 6.2). */
    private static boolean isAlert(Throwable thrown, String name) {
        return Causes.of(thrown).anyMatch(cause -> cause instanceof SSLException
                && String.valueOf(cause.getMessage()).matches(".*fatal alert: \\S*" + name + ".*"));
    }

    static String seconds(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }

    private static boolean has(Throwable thrown, Class<? extends Throwable> type) {
        return Causes.find(thrown, type).isPresent();
    }
}
