package studio.actions.address;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.List;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The checks of the address policy before each attempt: of the URL, and of the addresses to which its name resolves. */
@State(Scope.Benchmark)
public class AddressPolicyBench {

    private final AddressPolicy policy = AddressPolicy.of(List.of("10.20.0.0/16", "farm.studio.lan:8443", "[fd12::]/48"));
    private final URI named = URI.create("https://farm.studio.com/submit?shot=1");
    private final URI literal = URI.create("http://10.20.3.4:8080/submit?shot=1");
    private final List<InetAddress> answers = List.of(address("93.184.216.34"), address("2606:2800:220:1::1"));

    private static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    @Benchmark
    public Object name() {
        return policy.vet(named);
    }

    @Benchmark
    public Object literal() {
        return policy.vet(literal);
    }

    @Benchmark
    public Object answers() {
        return policy.vet("farm.studio.com", 443, answers);
    }
}
