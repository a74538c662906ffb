-- `candor` holds the record and the API's answers; MLflow keeps its own tables apart.
CREATE DATABASE mlflow OWNER candor;
