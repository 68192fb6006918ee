# The steps of scripts/run: docker build -t vos . && docker run -p 8501:8501 -v vos-cache:/app/cache vos
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt scripts/setup ./
RUN mkdir scripts && mv setup scripts/ && scripts/setup
COPY . .
EXPOSE 8501
CMD ["scripts/run", "--server.address", "0.0.0.0", "--server.allowedHosts", "localhost"]
