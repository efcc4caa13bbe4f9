import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';

/** Node's names of OpenSSL's reasons (X509_V_ERR_*) why a certificate is not trusted, by number. */
const NAMES: Readonly<Record<number, string>> = {
  2: 'UNABLE_TO_GET_ISSUER_CERT',
  3: 'UNABLE_TO_GET_CRL',
  4: 'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  5: 'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  6: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  7: 'CERT_SIGNATURE_FAILURE',
  8: 'CRL_SIGNATURE_FAILURE',
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  11: 'CRL_NOT_YET_VALID',
  12: 'CRL_HAS_EXPIRED',
  13: 'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  14: 'ERROR_IN_CERT_NOT_AFTER_FIELD',
  15: 'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  16: 'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  17: 'OUT_OF_MEM',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  22: 'CERT_CHAIN_TOO_LONG',
  23: 'CERT_REVOKED',
  24: 'INVALID_CA',
  25: 'PATH_LENGTH_EXCEEDED',
  26: 'INVALID_PURPOSE',
  27: 'CERT_UNTRUSTED',
  28: 'CERT_REJECTED',
  62: 'HOSTNAME_MISMATCH',
};

/** The code of an error for a verdict that is not 0. */
export function verdictName(verdict: number): string {
  return NAMES[verdict] ?? 'UNSPECIFIED';
}

/**
 * A certificate as `getPeerCertificate` of Node shows it.
 *
 * @param chain DER, the certificate first
 * @param detailed with `issuerCertificate`, as far as the chain goes
 */
export function legacyCertificate(chain: readonly Buffer[], detailed: boolean): PeerCertificate | undefined {
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const all = chain.slice(0, detailed ? undefined : 1).map((der) => new X509Certificate(der));
  const shown = all.map((certificate) => certificate.toLegacyObject() as DetailedPeerCertificate);
  if (!detailed) return shown[0];
  for (const [i, issued] of all.entries()) {
    // Itself last: it may have been renewed with the same key.
    const issuer = [...all.keys()].filter((j) => j !== i).concat(i).find((j) => issued.checkIssued(all[j]!));
    if (issuer !== undefined) shown[i]!.issuerCertificate = shown[issuer]!;
  }
  return shown[0];
}
