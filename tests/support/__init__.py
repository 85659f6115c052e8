"""What tests share: small networks, boards, servers, browsers."""
