package studio.actions.webhook;

import java.util.List;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Signing a body of usual size, with one key, and with two keys, as during the rotation of a secret. */
@State(Scope.Benchmark)
public class SignatureBench {

    private final List<byte[]> one = List.of(new byte[32]);
    private final List<byte[]> two = List.of(new byte[32], new byte[24]);
    private final String body = "x".repeat(800);

    @Benchmark
    public Object oneKey() {
        return Signature.sign(one, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_674_087_231, body);
    }

    @Benchmark
    public Object twoKeys() {
        return Signature.sign(two, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_674_087_231, body);
    }
}
