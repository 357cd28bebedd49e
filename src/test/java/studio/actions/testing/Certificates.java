package studio.actions.testing;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

import io.smallrye.certs.CertificateRequest;
import io.smallrye.certs.CertificateUtils;
import io.smallrye.certs.ca.CaGenerator;

/** A studio's own certificate authority, and server certificates, both signed by it and self-signed. New for each test run. */
public final class Certificates {

    private static final char[] PASSWORD = "secret".toCharArray();

    private static final Certificates SHARED = new Certificates();

    /**
     * The system property with the folder of the authority. A static field would not last, because each start of the service
     * loads the classes again, and making an authority takes seconds.
     */
    private static final String FOLDER = "testing.certificates";

    private final Path authority;
    /** The key pair of all server certificates. */
    private final KeyPair pair;
    private final CertificateRequest.Issuer issuer;

    private Certificates() {
        try {
            Path folder = Path.of(System.getProperty(FOLDER, Files
                    .createTempDirectory(Files.createDirectories(Path.of("target")), "certificates-").toString()));
            authority = folder.resolve("studio-ca.pem");
            File store = folder.resolve("studio-ca.p12").toFile();
            if (System.setProperty(FOLDER, folder.toString()) == null) {
                new CaGenerator(authority.toFile(), folder.resolve("studio-ca.key").toFile(), store, new String(PASSWORD))
                        .generate("Studio CA", null, null, null, null, null);
            }
            KeyStore made = KeyStore.getInstance(store, PASSWORD);
            issuer = new CertificateRequest.Issuer(
                    (X509Certificate) made.getCertificateChain(CaGenerator.KEYSTORE_KEY_ENTRY)[0],
                    (PrivateKey) made.getKey(CaGenerator.KEYSTORE_KEY_ENTRY, PASSWORD));
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            pair = generator.generateKeyPair();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    public static Certificates shared() {
        return SHARED;
    }

    /** Returns the PEM file of the studio's authority. */
    public Path authority() {
        return authority;
    }

    /** Returns a context with a certificate from the studio's authority, for {@code DNS:} and {@code IP:} names. */
    public SSLContext of(String... names) {
        return server(List.of(names), Duration.ofDays(30), issuer);
    }

    /** Returns a context with a certificate from the studio's authority that expired yesterday. */
    public SSLContext outOfDate(String... names) {
        return server(List.of(names), Duration.ofDays(-1), issuer);
    }

    /** Returns a context with a self-signed certificate. */
    public SSLContext ofNobody(String... names) {
        return server(List.of(names), Duration.ofDays(30), null);
    }

    private SSLContext server(List<String> names, Duration valid, CertificateRequest.Issuer issuer) {
        try {
            Certificate certificate = CertificateUtils.generateCertificate(pair, "receiver", names, valid, issuer);
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("receiver", pair.getPrivate(), PASSWORD, new Certificate[] { certificate });
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, PASSWORD);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            return context;
        } catch (Exception e) {
            throw new IllegalStateException("no certificate was made", e);
        }
    }
}
