# docker build -t vos . && docker run -p 127.0.0.1:8501:8501 -v vos-cache:/app/cache vos
# These are the steps of scripts/run; tests/test_docker.py runs them without Docker.
FROM python:3.11-slim
RUN useradd --create-home vos
WORKDIR /app
COPY requirements.txt ./
COPY scripts/setup scripts/
RUN scripts/setup
COPY --chown=vos . .
RUN mkdir -p cache && chown vos cache
USER vos
EXPOSE 8501
CMD ["scripts/run", "--server.address", "0.0.0.0", "--server.allowedHosts", "localhost", "--server.allowedHosts", "127.0.0.1"]
