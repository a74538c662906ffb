# Candor in one image: the dashboard with the API, or the API alone, or MLflow's screens.
# The base is pinned by version; add the digest your registry shows to pin its bytes as well.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /candor
RUN python -m venv /opt/candor \
    && python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir uv==0.9.7
COPY requirements.txt requirements.lock requirements-deploy.txt ./
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/candor/bin/python --compile-bytecode \
    -r requirements-deploy.txt -c requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY .streamlit .streamlit
COPY configs configs
COPY sample_data sample_data
COPY pages pages
COPY app app
COPY credit_core credit_core
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/candor/bin/python --no-deps -e . \
    && /opt/candor/bin/pip uninstall --yes pip

FROM python:3.11.14-slim-bookworm
# LightGBM needs the OpenMP library; Debian keeps one version of it a release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin candor \
    && install -d -o candor -g candor -m 0700 /data /data/home /data/models
COPY --from=build /opt/candor /opt/candor
COPY --from=build /candor /candor
# Only /data and /tmp are written to, so the root file system may be read-only.
ENV PATH=/opt/candor/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=passive \
    MLFLOW_DISABLE_TELEMETRY=true \
    NUMBA_CACHE_DIR=/data/home/.compiled \
    CANDOR_HOME=/data/home \
    CANDOR_MODELS=/data/models
WORKDIR /candor
USER 10001
VOLUME ["/data"]
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/api/healthz', timeout=4)"]
CMD ["candor", "serve", "--host", "0.0.0.0", "--port", "8501"]
