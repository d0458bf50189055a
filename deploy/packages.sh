#!/bin/sh
# Installs what an image needs from its system, whichever kind that is: `packages.sh build` or `packages.sh run`.
set -eu

if command -v dnf >/dev/null; then
    case $1 in
    build) set -- gcc gcc-c++ openssl-devel bzip2-devel python3.11-devel ;;
    # a Rocky Linux made for containers has next to nothing, not even `find`
    run) set -- openssh-clients procps-ng findutils diffutils gawk hostname ;;
    *) exit 2 ;;
    esac
    dnf install -y --setopt=install_weak_deps=False "$@"
    dnf clean all
else
    case $1 in
    build) set -- g++ libssl-dev libbz2-dev python3-dev python3-venv ;;
    run) set -- openssh-client python3 procps zeroc-icegrid libssl3 libbz2-1.0 ca-certificates ;;
    engine) set -- openssh-client python3 ca-certificates ;;
    *) exit 2 ;;
    esac
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
    rm -rf /var/lib/apt/lists/*
fi
