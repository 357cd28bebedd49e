package studio.actions.egress;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Collection;

import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

import jakarta.inject.Singleton;

import io.quarkus.tls.runtime.TrustStoreAndTrustOptions;
import io.quarkus.tls.runtime.TrustStoreProvider;
import io.smallrye.common.annotation.Identifier;
import io.vertx.core.Vertx;
import io.vertx.core.net.TrustOptions;
import studio.actions.settings.ServiceConfig;

/**
 * The certificate authorities that are trusted for receivers and Kitsu's API server: Java's and the studio's own. Provides them
 * as the trust store of Quarkus' TLS configuration {@code egress}. This service uses only the trust store of that
 * configuration, so no property under {@code quarkus.tls.egress} can turn off the verification of certificates.
 */
@Singleton
@Identifier(Trust.NAME)
public class Trust implements TrustStoreProvider {

    public static final String NAME = "egress";

    private final ServiceConfig config;

    Trust(ServiceConfig config) {
        this.config = config;
    }

    @Override
    public TrustStoreAndTrustOptions getTrustStore(Vertx vertx) {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (TrustManager javas : managers(null)) {
                for (Certificate authority : ((X509TrustManager) javas).getAcceptedIssuers()) {
                    store.setCertificateEntry("java-" + store.size(), authority);
                }
            }
            if (config.trust().isPresent()) {
                for (Certificate authority : read(config.trust().get())) {
                    store.setCertificateEntry("studio-" + store.size(), authority);
                }
            }
            return new TrustStoreAndTrustOptions(store, TrustOptions.wrap(managers(store)[0]));
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("The certificate authorities cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Reads the certificates of a PEM file.
     *
     * @return at least one certificate
     * @throws CertificateException if a certificate cannot be read, or there is none
     */
    public static Collection<? extends Certificate> read(Path pem) throws IOException, CertificateException {
        try (InputStream in = Files.newInputStream(pem)) {
            Collection<? extends Certificate> found = CertificateFactory.getInstance("X.509").generateCertificates(in);
            if (found.isEmpty()) {
                throw new CertificateException("there is no certificate in it");
            }
            return found;
        }
    }

    /** @param store the trusted authorities; null for Java's own */
    private static TrustManager[] managers(KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }
}
